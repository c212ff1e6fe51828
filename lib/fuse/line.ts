/**
 * Whether clients wait in line for a server of one thread: nearly always the next request is there already when one is
 * answered, and it is another client's. One client that shares the server's CPU has always asked already, too.
 */

/** Requests: after so many it is looked again. */
const WINDOW = 128;

export class Line {
  readonly #changed: (isThere: boolean) => void;
  #isThere = false;
  #requests = 0;
  /** How often there was no next request, and how often it was another client's: of this window. */
  #pauses = 0;
  #turns = 0;
  #pid = 0;
  /** Whether a request came since there was none. */
  #isFresh = false;

  /** @param changed is told when a line forms, and when it is gone */
  constructor(changed: (isThere: boolean) => void) {
    this.#changed = changed;
  }

  /** There is no request at the moment. */
  pause(): void {
    if (this.#isFresh) this.#pauses += 1;
    this.#isFresh = false;
  }

  /** A request was answered. @param pid whose it was; 0: the kernel does not tell, of a RELEASE */
  answered(pid: number): void {
    this.#isFresh = true;
    this.#requests += 1;
    if (pid !== this.#pid && pid !== 0) {
      this.#pid = pid;
      this.#turns += 1;
    }
    if (this.#requests < WINDOW) return;
    const forms = this.#pauses < WINDOW / 8 && this.#turns > WINDOW / 4;
    const ends = this.#pauses > WINDOW / 2 || this.#turns < WINDOW / 8;
    if (this.#isThere ? ends : forms) {
      this.#isThere = forms;
      this.#changed(forms);
    }
    this.#requests = this.#pauses = this.#turns = 0;
  }
}
