/** A field of a message: its number, and a number or bytes. */
export interface Field {
  number: number;
  value: number | Buffer;
}

/**
 * The fields of a message in the protocol buffers wire format, of the two kinds that an authenticator's export has (varints and bytes);
 * fields of a fixed width are passed over.
 * @throws Error where it is none.
 */
export function* readFields(message: Buffer): Generator<Field, void, undefined> {
  let at = 0;

  function readVarint(): number {
    let [value, factor] = [0, 1];
    for (let count = 0; count < 10; count += 1) {
      const byte = message[at];
      if (byte === undefined) break;
      at += 1;
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) return value;
    }
    throw new Error('A number does not end.');
  }

  function readBytes(length: number): Buffer {
    if (length > message.length - at) throw new Error('A field ends behind its message.');
    return message.subarray(at, (at += length));
  }

  while (at < message.length) {
    const tag = readVarint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { number, value: readVarint() };
        break;
      case 1:
        readBytes(8);
        break;
      case 2:
        yield { number, value: readBytes(readVarint()) };
        break;
      case 5:
        readBytes(4);
        break;
      default:
        throw new Error('A field is of an unknown kind.');
    }
  }
}
