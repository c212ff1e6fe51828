/**
 * A perl program: so many children, its argument, that sleep, and wake up for a moment at SIGUSR1. It says `ready`, and
 * ends them and itself when its input ends.
 */
export const SLEEPERS = `
  $SIG{USR1} = sub {};
  for (1 .. $ARGV[0]) {
    my $pid = fork;
    if (!$pid) { sleep 600 while 1 }
    push @children, $pid;
  }
  $| = 1; print "ready\\n"; <STDIN>; kill 9, @children; 1 while wait > 0`;
