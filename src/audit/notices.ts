import {
  type EventKind,
  type Notice,
  type NoticeKind,
  noticeKinds,
  type SecondFactorEvent,
} from '../events.js';
import { nameBrowser } from '../http/source.js';
import type { Settings } from '../settings.js';
import type { Texts } from '../texts/texts.js';
import type { Listener } from './journal.js';

/** Backup codes that are few enough to be told of. */
export const FEW_CODES = 3;

/** Turns events into notices and gives them to the host. */
export function createNotifier(settings: Settings): Listener<'*'> {
  const { notices, origin, paths, languages, timeZone } = settings;
  return async (event) => {
    if (!notices || !isNoticeKind(event.kind)) return;
    const language = languages.resolve(await notices.language?.(event.userId));
    const notice = writeNotice(event, event.kind, languages.get(language), timeZone, origin + paths.pages);
    await notices.send({ ...notice, language });
  };
}

/** What has happened, as a sentence. */
export function describeEvent(event: SecondFactorEvent, { events }: Texts): string {
  const describe = events.happened[event.kind] as (details: object) => string;
  return describe(event.details);
}

function writeNotice(
  event: SecondFactorEvent,
  kind: NoticeKind,
  words: Texts,
  timeZone: string,
  url: string,
): Omit<Notice, 'language'> {
  const texts = words.events;
  const { subject, advice } = texts.notices[kind];
  const time = new Intl.DateTimeFormat(words.locale, { dateStyle: 'long', timeStyle: 'long', timeZone });
  const left = event.kind === 'backup-code.used' ? event.details.left : undefined;
  const lines = [
    describeEvent(event, words),
    '',
    texts.when(time.format(event.at)),
    texts.from(nameBrowser(event.browser), event.address),
    '',
    ...(left !== undefined && left <= FEW_CODES ? [texts.fewLeft(left)] : []),
    advice,
    texts.see(url),
    '',
  ];
  return { userId: event.userId, kind, subject, text: lines.join('\n'), event };
}

function isNoticeKind(kind: EventKind): kind is NoticeKind {
  return (noticeKinds as readonly EventKind[]).includes(kind);
}
