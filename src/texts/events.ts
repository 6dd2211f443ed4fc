import type { EventDetails, EventKind, NoticeKind } from '../events.js';

/** What a mail says about an event, besides when and where it happened. */
export interface NoticeText {
  subject: string;
  /** What to do if it was somebody else. */
  advice: string;
}

/** Every word about events in one language. What is missing does not compile. */
export interface EventTexts {
  /** What has happened, as a sentence, for the list of activity and the notice. */
  happened: { [Kind in EventKind]: (details: EventDetails[Kind]) => string };
  notices: Record<NoticeKind, NoticeText>;
  /** Below a notice of a used backup code where few are left. */
  fewLeft: (left: number) => string;
  when: (time: string) => string;
  /** `browser` and `address` as they are known, or `null`. */
  from: (browser: string | null, address: string | null) => string;
  /** Where it can be looked at and changed. */
  see: (url: string) => string;
}
