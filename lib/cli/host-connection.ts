/**
 * The way to the thread that the tree of live tasks lives on, for whoever asks (`bcfs status` and its kin) and for what
 * happens there (`bcfs events`). That thread may do nothing but serve requests: it is woken, and reads what has come.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { BcfsError, describe, type ErrnoName } from '../errors.js';
import type { HostEvent, HostRequest } from '../host/report.js';

interface Question {
  readonly number: number;
  readonly request: HostRequest;
}

type Message =
  | { readonly number: number; readonly answer: unknown }
  | { readonly number: number; readonly code: ErrnoName; readonly message: string }
  | { readonly event: HostEvent };

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The side that asks. */
export class HostConnection {
  readonly #port: MessagePort;
  readonly #wake: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  /**
   * @param wake has the other side call `answerQuestions`
   * @param onEvent is told of what happens to beancounters
   */
  constructor(port: MessagePort, wake: () => void, onEvent: (event: HostEvent) => void) {
    this.#port = port;
    this.#wake = wake;
    port.on('message', (message: Message) => {
      if ('event' in message) onEvent(message.event);
      else this.#settle(message);
    });
    port.unref();
  }

  /** @throws BcfsError what the host refuses with */
  ask(request: HostRequest): Promise<unknown> {
    const question: Question = { number: this.#next, request };
    this.#next += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(question.number, { resolve, reject });
      this.#port.postMessage(question);
      this.#wake();
    });
  }

  #settle(message: Exclude<Message, { readonly event: HostEvent }>): void {
    const waiting = this.#waiting.get(message.number);
    this.#waiting.delete(message.number);
    if ('code' in message) waiting?.reject(new BcfsError(message.code, message.message));
    else waiting?.resolve(message.answer);
  }
}

/** Answers all questions that have come: called on the thread of the host when it was woken. */
export function answerQuestions(port: MessagePort, answer: (request: HostRequest) => unknown): void {
  for (let received; (received = receiveMessageOnPort(port) as { message: Question } | undefined);) {
    const { number, request } = received.message;
    port.postMessage(answerOne(number, () => answer(request)));
  }
}

/** Answers each question as it comes: for a thread that has an event loop. */
export function answerEach(port: MessagePort, answer: (request: HostRequest) => unknown): void {
  port.on('message', ({ number, request }: Question) => {
    port.postMessage(answerOne(number, () => answer(request)));
  });
  port.unref();
}

function answerOne(number: number, answer: () => unknown): Message {
  try {
    return { number, answer: answer() };
  } catch (error) {
    if (error instanceof BcfsError) return { number, code: error.code, message: error.message };
    return { number, code: 'EIO', message: describe(error) };
  }
}

/** Tells the other side of an event. */
export function tellEvent(port: MessagePort, event: HostEvent): void {
  port.postMessage({ event } satisfies Message);
}
