/** Something a person has to set right before the server can start; its message says what, and never repeats a value. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}
