import { type FieldLines, fieldLines } from '../http1/field-lines.ts'

/** Registered phrases (RFC 9110, 15) of what a gateway answers or passes on; for people only. */
const phrases: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
  204: 'No Content',
  207: 'Multi-Status',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  417: 'Expectation Failed',
  422: 'Unprocessable Content',
  424: 'Failed Dependency',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  499: 'Client Closed Request',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  529: 'Overloaded',
}

/**
 * The head of an answer without its last line end and the empty line.
 * @param lines what goes before the fields
 * @throws TypeError for a header that cannot be sent
 */
export function answerHead(status: number, fields: readonly string[], lines: FieldLines | '' = ''): string {
  return `HTTP/1.1 ${status} ${phrases[status] ?? ''}${lines}${fieldLines(fields)}\r\ndate: ${httpDate()}`
}

let dateSecond = 0
let dateText = ''

/** RFC 9110, 5.6.7; the same for a second. */
function httpDate(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(second * 1000).toUTCString()
  }
  return dateText
}
