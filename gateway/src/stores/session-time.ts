import { DatabaseFailure } from './driver.ts'
import type { SqlSession } from './sql.ts'

/**
 * How long a transaction may rest between statements: whoever holds a lock meanwhile holds up everybody. Less than others wait for a lock, so
 * that one replica that stands still makes no change of another fail.
 */
export const longestRestMs = 3_000

/**
 * Runs the work of a transaction on its session, which ends with it.
 * @throws DatabaseFailure `busy` when the work lets the transaction rest for too long; whoever called rolls back then
 */
export function runOnSession<Result>(
  session: SqlSession,
  restMs: number,
  work: (session: SqlSession) => Promise<Result>,
): Promise<Result> {
  let over = false
  let running = 0
  let timer: NodeJS.Timeout | undefined

  return new Promise((resolve, reject) => {
    const rest = () => {
      clearTimeout(timer)
      if (over || running > 0) return
      timer = setTimeout(() => {
        over = true
        reject(new DatabaseFailure('busy', `a transaction rested for ${restMs} ms and was rolled back`))
      }, restMs)
    }
    const during = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
      if (over) throw new DatabaseFailure('busy', 'the transaction is over')
      running += 1
      clearTimeout(timer)
      try {
        return await ask()
      } finally {
        running -= 1
        rest()
      }
    }
    rest()
    work({
      dialect: session.dialect,
      query: (text, parameters, weight) => during(() => session.query(text, parameters, weight)),
      notify: (topic, number) => during(() => session.notify(topic, number)),
    })
      .finally(() => {
        over = true
        clearTimeout(timer)
      })
      .then(resolve, reject)
  })
}
