const http = process.getBuiltinModule('node:http')

/**
 * `node:http` without what an `import` of it brings besides: to list its names, the web sockets of undici among them, Node loads all of
 * undici. That is 6 MB and 50 ms of every start.
 */
export const createServer = http.createServer
export const request = http.request
export const IncomingMessage = http.IncomingMessage
export const ServerResponse = http.ServerResponse
