/**
 * The thread that a daemon's tree lives on with the transport dev-fuse: it makes the tree, says so, is given the
 * descriptor of the mount, and serves requests until the mount has gone. The main thread keeps the signals.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { DeviceOrder } from './serving-thread.js';

// One after the other, for each import opens all that it needs at once, and there may be few descriptors.
const { serveBlocking } = await import('../fuse/dev-fuse.js');
const { loadNative } = await import('../fuse/native.js');
const { Session } = await import('../fuse/protocol/session.js');
const { Pulse } = await import('../fuse/watchdog.js');
const { logTo } = await import('./log.js');
const { hostTree, liveTree } = await import('./host-tree.js');
const { comeFirst } = await import('./priority.js');
const { answerQuestions, tellEvent } = await import('./host-connection.js');

const { stop, stderr, validity, settings, live, ownsSession, pulse: shared } = workerData as DeviceOrder;
const log = logTo(stderr);
const pulse = new Pulse(shared);
const host = live
  ? liveTree(settings, live, log, (event) => tellEvent(live.questions, event))
  : hostTree(settings, log);
const session = new Session(host.tree, { log, validity });
loadNative();

parentPort?.once('message', (fd: number) => {
  serveBlocking(fd, session, {
    stop,
    attend: live && {
      fd: live.wake,
      run: () => {
        host.look();
        answerQuestions(live.questions, (request) => host.answer(request));
      },
    },
    tick: () => host.tick(),
    crowd: comeFirst.bind(undefined, ownsSession),
    beat: () => pulse.beat(),
  });
  host.close();
});
parentPort?.postMessage('ready');
