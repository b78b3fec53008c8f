import { ErrorCode, errorOf } from '@millrace/protocol'

/**
 * Throws NOT_CONTROLLER, to be retried, when the controller was lost while it worked on a request: it says so of every item, and has done none of
 * them. Gives the answer otherwise.
 */
export function checkController<Answer>(
  what: string,
  answer: Answer,
  itemsOf: (answer: Answer) => readonly { errorCode: number }[],
): Answer {
  if (itemsOf(answer).some(({ errorCode }) => errorCode === ErrorCode.NOT_CONTROLLER))
    throw errorOf(ErrorCode.NOT_CONTROLLER, what)
  return answer
}
