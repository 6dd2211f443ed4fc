import {
  type EventKind,
  type NoticeKind,
  noticeKinds,
  type NoticeLanguage,
  type SecondFactorEvent,
  type Notice,
} from '../events.js';
import { nameBrowser } from '../http/source.js';
import type { Settings } from '../settings.js';
import type { Listener } from './journal.js';
import { eventTexts } from './texts/texts.js';

/** Backup codes that are few enough to be told of. */
export const FEW_CODES = 3;

/** Turns events into notices and gives them to the host. */
export function createNotifier({ notices, origin, paths }: Settings): Listener<'*'> {
  return async (event) => {
    if (!notices || !isNoticeKind(event.kind)) return;
    const language = (await notices.language?.(event.userId)) ?? 'en';
    await notices.send(writeNotice(event, event.kind, language, origin + paths.pages));
  };
}

/** What has happened, as a sentence. */
export function describeEvent(event: SecondFactorEvent, language: NoticeLanguage): string {
  const describe = eventTexts[language].happened[event.kind] as (details: object) => string;
  return describe(event.details);
}

function writeNotice(
  event: SecondFactorEvent,
  kind: NoticeKind,
  language: NoticeLanguage,
  url: string,
): Notice {
  const texts = eventTexts[language];
  const { subject, advice } = texts.notices[kind];
  const style = { dateStyle: 'long', timeStyle: 'long', timeZone: 'UTC' } as const;
  const time = new Intl.DateTimeFormat(texts.locale, style);
  const left = event.kind === 'backup-code.used' ? event.details.left : undefined;
  const lines = [
    describeEvent(event, language),
    '',
    texts.when(time.format(event.at)),
    texts.from(nameBrowser(event.browser), event.address),
    '',
    ...(left !== undefined && left <= FEW_CODES ? [texts.fewLeft(left)] : []),
    advice,
    texts.see(url),
    '',
  ];
  return { userId: event.userId, kind, language, subject, text: lines.join('\n'), event };
}

function isNoticeKind(kind: EventKind): kind is NoticeKind {
  return (noticeKinds as readonly EventKind[]).includes(kind);
}
