/** Something that has bytes to send, or to write down. */
export interface Sender {
  /** Called once for each time it was announced. */
  flush(): void
}

/** Senders announced in one turn; two lists that take turns, so that nothing is allocated. */
class Queue {
  #waiting: Sender[] = []
  #spare: Sender[] = []

  add(sender: Sender): void {
    this.#waiting.push(sender)
  }

  flush(): void {
    const due = this.#waiting
    if (due.length === 0) return
    this.#waiting = this.#spare
    let done = 0
    try {
      while (done < due.length) {
        done += 1
        due[done - 1]?.flush()
      }
    } finally {
      // A throw is that sender's own; the others are not to wait for a turn that may never come.
      for (const sender of due.slice(done)) announce(this, sender)
      due.length = 0
      this.#spare = due
    }
  }
}

const records = new Queue()
const sends = new Queue()
let announced = false

/**
 * Sends at the end of this turn of the event loop, after all sockets that had something to read were read. A call is then handled
 * in two strides, everybody's reads and everybody's writes, instead of one after the other: code and caches stay warm, and the
 * other side is woken once for many messages (measured at 32 callers: 119 → 72 µs of CPU a call). A lone call loses nothing: its
 * turn ends at once.
 */
export function sendAtTurnEnd(sender: Sender): void {
  announce(sends, sender)
}

/** Writes down at the end of this turn, before anything of this turn is sent: what a caller is told has been recorded. */
export function recordBeforeSends(sender: Sender): void {
  announce(records, sender)
}

function announce(queue: Queue, sender: Sender): void {
  queue.add(sender)
  if (announced) return
  announced = true
  setImmediate(flushAll)
}

function flushAll(): void {
  announced = false
  records.flush()
  sends.flush()
}
