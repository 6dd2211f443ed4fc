import Bowser from 'bowser';
import type { Request } from 'express';

/** Where a request came from, as far as it can be known: both are what the network and the browser claim. */
export interface Source {
  /** IP address, after the host's own `trust proxy`. */
  address: string | null;
  /** The `User-Agent` header. */
  browser: string | null;
}

/** Of calls that come from no request: the service, the command line. */
export const noSource: Source = { address: null, browser: null };

/** What is kept of a header that anybody may fill with anything. */
const LONGEST = 255;

export function readSource(request: Request): Source {
  return { address: clean(request.ip), browser: clean(request.get('user-agent')) };
}

/** For a person, e.g. "Firefox on Linux"; `null` where the header says nothing that is known. */
export function nameBrowser(browser: string | null): string | null {
  if (!browser) return null;
  const { browser: program, os } = Bowser.parse(browser);
  return [program.name, os.name].filter(Boolean).join(' on ') || null;
}

function clean(text: string | undefined): string | null {
  const printable = text?.replace(/[^\x20-\x7e]/g, '').slice(0, LONGEST);
  return printable === undefined || printable === '' ? null : printable;
}
