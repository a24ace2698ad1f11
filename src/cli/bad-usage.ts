/** What somebody wrote on the command line, or in a file that it names, cannot be; the message says what to write instead. */
export class BadUsage extends Error {}
