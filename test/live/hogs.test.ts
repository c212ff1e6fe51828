import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { actor } from '../fixtures/actor.js';
import { bash, bcfs } from '../fixtures/command.js';
import { needsCgroup } from '../fixtures/live.js';
import { liveMount } from '../fixtures/live-mount.js';
import { needsFuse, until } from '../fixtures/mounted.js';

const options = { ...needsFuse, ...needsCgroup };

/** The MD5 sum of 200,000 zeros. */
const SUM = '4a1e4325031b13f933ac4f1db9ecb63f';

/** An innocent neighbour in another beancounter, at work beside a hog: nothing of it is killed or refused. */
async function beside(t: Test, bc: string, hog: () => Promise<void>): Promise<void> {
  mkdirSync(`${bc}/100`);
  const neighbour = await actor(t);
  writeFileSync(`${bc}/100/tasks`, `${neighbour.pid}`);
  let works = true as boolean;
  const work = (async () => {
    let rounds = 0;
    for (; works; rounds += 1) {
      const sum = await neighbour.run(
        `x=$(head -c 200000 /dev/zero | md5sum); exec 9</etc/passwd; exec 9<&-; echo $x`,
      );
      if (sum !== `${SUM} -`) throw new Error(`the neighbour: ${sum}`);
    }
    return rounds;
  })();
  try {
    await hog();
  } finally {
    works = false;
  }
  t.ok((await work) > 0, 'the neighbour went on');
  for (const resource of ['numtasks', 'physpages', 'numfiles', 'privvmpages']) {
    t.equal(readFileSync(`${bc}/100/${resource}/failcnt`, 'utf8'), '0\n', `${resource} of the neighbour`);
  }
}

const number = (path: string) => Number(readFileSync(path, 'utf8'));

t.test('a fork bomb stays in its box', options, async (t) => {
  const bc = await liveMount(t);
  await beside(t, bc, async () => {
    const bomb = `perl -e '$SIG{CHLD} = "IGNORE"; for (1..3000) { fork() }'`;
    await bash(`${bcfs} run --set numtasks=30 ${bc}/7 -- timeout -s KILL 10 ${bomb} &
      for i in {1..200}; do
        echo "$(cat ${bc}/7/numtasks/held 2>/dev/null)"
        [ "$(cat ${bc}/7/numtasks/failcnt 2>/dev/null || echo 0)" -gt 1000 ] && break
        sleep 0.02
      done
      for limit in 10 40 20; do
        if [ $limit -gt $(cat ${bc}/7/numtasks/limit) ]; then order="limit barrier"; else order="barrier limit"; fi
        for file in $order; do echo $limit > ${bc}/7/numtasks/$file; done
        sleep 0.1
      done
      while read -r pid; do kill -9 $pid; done < <(${bcfs} ps ${bc} | awk '$3 == 7 { print $1 }')
      wait`);
  });
  t.ok(number(`${bc}/7/numtasks/failcnt`) > 1000);
  t.ok(number(`${bc}/7/numtasks/maxheld`) <= 40, 'never more than the highest limit');
  // Those that were forked while others were killed.
  await until('the bomb is out', () => {
    const held = number(`${bc}/7/numtasks/held`);
    if (held > 0) void bash(`${bcfs} ps ${bc} | awk '$3 == 7 { print $1 }' | xargs -r kill -9`);
    return held === 0;
  });
});

t.test('a memory hog is killed, and nobody else', options, async (t) => {
  const bc = await liveMount(t);
  await beside(t, bc, async () => {
    const hog = `perl -e '$x = "x" x (300 << 20); print "held"'`;
    const { stdout } = await bash(`${bcfs} run --set physpages=60M ${bc}/8 -- ${hog}; echo "exit $?"`);
    t.equal(stdout, 'exit 137\n');
  });
  t.ok(number(`${bc}/8/physpages/failcnt`) >= 1);
  t.ok(number(`${bc}/8/physpages/maxheld`) <= 60 * 256 + 256);
});

t.test('a file hog has as many files as its limit', options, async (t) => {
  const bc = await liveMount(t);
  await beside(t, bc, async () => {
    // It goes on for a second after the last that it got: whatever was still open when it began has gone by then.
    const hog = `perl -e '$| = 1; for (my $end = time + 2; time < $end;) {
      if (open(my $f, "<", "/etc/passwd")) { push @f, $f; $end = time + 2 } else { select(undef, undef, undef, 0.01) }
    } print scalar(@f), "\\n"; sleep 2'`;
    const { stdout } = await bash(`
      exec 3< <(${bcfs} run --set numfiles=64 ${bc}/9 -- ${hog})
      read -r opened <&3; sleep 0.5; cat ${bc}/9/numfiles/held; echo $opened`);
    const [held, opened] = stdout.split('\n');
    t.strictSame({ held, opened }, { held: '64', opened: '64' });
  });
});

t.test('a mapping hog maps as much as its limit', options, async (t) => {
  const bc = await liveMount(t);
  await beside(t, bc, async () => {
    const hog = `perl -e 'my @x; for my $i (1..200) { push @x, "x" x (1 << 20); $| = 1; print "$i\\n"; select(undef, undef, undef, 0.005) }'`;
    const { stdout } = await bash(
      `${bcfs} run --set privvmpages=64M ${bc}/10 -- ${hog} 2>/dev/null | tail -1`,
    );
    // perl itself has mapped some.
    t.ok(Number(stdout) >= 50 && Number(stdout) < 64, `${stdout.trim()} MiB`);
  });
  t.ok(number(`${bc}/10/privvmpages/maxheld`) <= 64 * 256);
});
