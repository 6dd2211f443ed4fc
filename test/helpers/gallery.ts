import express from 'express';
import type { Page } from 'playwright-core';
import { ar } from './gallery-arabic.js';
import { ExampleGuest } from './gallery-example.js';
import { Guest, serveHost } from './gallery-host.js';
import type { HostParts } from './host.js';

/** One page in one state. */
export interface GalleryPage {
  name: string;
  languages: readonly ('en' | 'id' | 'ar')[];
  /** Whether it is made for paper too. */
  isPrinted: boolean;
  /** Goes there: to an application that is started for it and ends with the test, or to the example, which runs. */
  open(page: Page, exampleUrl: string): Promise<void>;
}

/** Where a page begins: who is there, and how far. */
type Start<Somebody> = (page: Page, exampleUrl: string) => Promise<Somebody>;

const MINUTE = 60_000;
const stay = async (): Promise<void> => {};

/** A page of ours, or of a host's own in both languages. */
function page<Somebody>(
  name: string,
  start: Start<Somebody>,
  go: (somebody: Somebody) => Promise<unknown> = stay,
): GalleryPage {
  const open = async (browserPage: Page, exampleUrl: string): Promise<void> => {
    await go(await start(browserPage, exampleUrl));
  };
  return { name, languages: ['en', 'id'], isPrinted: false, open };
}

const printed = (given: GalleryPage): GalleryPage => ({ ...given, isPrinted: true });
const english = (given: GalleryPage): GalleryPage => ({ ...given, languages: ['en'] });

const arrive =
  (parts: HostParts = {}, user = 'ada') =>
  async (browserPage: Page): Promise<Guest> => {
    const { host, origin } = await serveHost(parts);
    host.users.set(user, { id: user, password: 'correct horse' });
    return new Guest(browserPage, host, origin, user);
  };

/** Signed in, without a second factor. */
const plain =
  (parts?: HostParts) =>
  async (browserPage: Page): Promise<Guest> => {
    const guest = await arrive(parts)(browserPage);
    await guest.signIn();
    return guest;
  };

/** At the challenge. */
const held =
  (parts?: HostParts, user?: string) =>
  async (browserPage: Page): Promise<Guest> => {
    const guest = await (await arrive(parts, user)(browserPage)).enrol();
    await guest.signIn();
    await guest.go('/challenge');
    return guest;
  };

/** Signed in with both steps. */
const whole =
  (parts?: HostParts, user?: string) =>
  async (browserPage: Page): Promise<Guest> => {
    const guest = await held(parts, user)(browserPage);
    await guest.answer(guest.factor.code());
    return guest;
  };

const trusting: HostParts = { options: { trustedBrowsers: { days: 30 } } };

const longNames: HostParts = {
  options: { issuer: 'Layanan Identitas & Tanda Tangan <b>Terpercaya</b> Kota Hulu' },
};
const longUser = `${'kepala.bagian.pengelolaan-sistem-informasi.'.repeat(3)}markup.<script>alert(1)</script>`;
const longName = 'Ponsel-kantor-yang-namanya-panjang-sekali-<i>tanpa-spasi</i>-12';

const resuming: HostParts = {
  routes(app, { secondFactor }) {
    app.post('/transfer', express.urlencoded(), secondFactor.recent(), (_request, response) => {
      response.send('Sent');
    });
    app.get('/transfer', (_request, response) => {
      response.send('<form method="post"><input name="amount" value="12"><button>Send</button></form>');
    });
  },
};

const stolen: HostParts = {
  options: { user: { id: (user) => (user as { id: string }).id, label: () => 'ada@service.example' } },
};

const challenges: GalleryPage[] = [
  page('challenge', held()),
  page('challenge-error', held(), (ada) => ada.answerWrong()),
  page('challenge-error-malformed', held(), (ada) => ada.answer('12 34')),
  page('challenge-used', held(), async (ada) => {
    const code = ada.factor.code();
    await ada.answer(code);
    await ada.page.context().clearCookies();
    await ada.signIn();
    await ada.go('/challenge');
    await ada.answer(code);
  }),
  page('challenge-backup-code', held(), (ada) => ada.go('/challenge?use=backup-code')),
  page('challenge-backup-code-error', held(), async (ada) => {
    await ada.go('/challenge?use=backup-code');
    await ada.answer('0000-0000-0000-0000-0000-0001');
  }),
  page('challenge-trust', held(trusting)),
  page('challenge-long-names', held(longNames, longUser)),
  page('challenge-delayed', held(), async (ada) => {
    ada.setCounters({ totp_failures: 4 });
    await ada.answerWrong(2);
  }),
  page('step-up-code', whole(), async (ada) => {
    ada.host.clock.advance(6 * MINUTE);
    await ada.go('/setup');
  }),
  page('step-up-password', plain(), async (ada) => {
    ada.host.clock.advance(6 * MINUTE);
    await ada.go('/setup');
  }),
  page('step-up-password-error', plain(), async (ada) => {
    ada.host.clock.advance(6 * MINUTE);
    await ada.go('/setup');
    await ada.send({ password: 'correct donkey' });
  }),
  page('step-up-impossible', plain(stolen), async (ada) => {
    ada.host.clock.advance(6 * MINUTE);
    await ada.go('/setup');
  }),
  page('resume', whole(resuming), async (ada) => {
    ada.host.clock.advance(6 * MINUTE);
    await ada.page.goto(`${ada.origin}/transfer`);
    await ada.page.click('button');
    await ada.answer(ada.factor.code());
  }),
];

const stopped: GalleryPage[] = [
  page('delayed', held(), async (ada) => {
    ada.setCounters({ totp_failures: 10 });
    await ada.answerWrong(2);
  }),
  page('suspended', held(), async (ada) => {
    ada.setCounters({ totp_failures: 50 });
    await ada.answerWrong();
  }),
  page('suspected', held(), async (ada) => {
    ada.setCounters({ suspected_at: ada.host.clock() });
    await ada.answerWrong();
  }),
  page('expired', held(), async (ada) => {
    ada.host.clock.advance(11 * MINUTE);
    await ada.go('/challenge');
  }),
  page('completed', held(), async (ada) => {
    await ada.page.context().clearCookies();
    await ada.answer(ada.factor.code());
  }),
  page('exhausted', held(), (ada) => ada.answerWrong(5)),
];

const setups: GalleryPage[] = [
  page('setup', plain(), (ada) => ada.go('/setup')),
  page('setup-key', plain(), async (ada) => {
    await ada.go('/setup');
    await ada.page.click('summary');
  }),
  page('setup-error', plain(), async (ada) => {
    await ada.go('/setup');
    await ada.answer('12 34');
  }),
  page('setup-another', whole(), (ada) => ada.go('/setup')),
  page('setup-another-error', whole(), async (ada) => {
    await ada.go('/setup');
    await ada.send({ code: '12 34', name: longName });
  }),
  page('setup-replacement', whole(), async (ada) => {
    const [id = ''] = await ada.readAuthenticatorIds();
    await ada.go(`/setup?replaces=${id}`);
  }),
  page('setup-long-names', whole(longNames, longUser), async (ada) => {
    await ada.go('/setup');
    await ada.page.click('summary');
  }),
];

const backupCodes: GalleryPage[] = [
  printed(
    page('backup-codes-first', plain(), async (ada) => {
      await ada.go('/setup');
      await ada.enterFirstCode();
    }),
  ),
  printed(
    page('backup-codes-renewal', whole(longNames, longUser), async (ada) => {
      await ada.go('/backup-codes');
      await ada.press('/backup-codes');
    }),
  ),
  page('backup-codes-left', whole(), (ada) => ada.go('/backup-codes')),
  page('backup-codes-few', held(), async (ada) => {
    await ada.signInWithBackupCodes(8);
    await ada.go('/backup-codes');
  }),
  page('backup-code-used', held(), (ada) => ada.signInWithBackupCodes(1)),
  page('backup-code-used-few', held(), (ada) => ada.signInWithBackupCodes(9)),
  page('support-code-used', held(), (ada) => ada.signInWithSupportCode()),
];

const management: GalleryPage[] = [
  page('overview-off', plain(), (ada) => ada.go('')),
  page('overview-on', whole(), (ada) => ada.go('')),
  page('overview-several', whole(trusting), async (ada) => {
    await ada.addAuthenticator('Work phone');
    await ada.addAuthenticator(longName);
    await ada.go('');
  }),
  page('overview-few-codes', held(), async (ada) => {
    await ada.signInWithBackupCodes(8);
    await ada.go('');
  }),
  page('overview-switched-off', plain({ options: { enabled: false } }), (ada) => ada.go('')),
  page('rename', whole(), async (ada) => {
    const [id = ''] = await ada.readAuthenticatorIds();
    await ada.go(`/authenticators/${id}/name`);
  }),
  page('rename-error', whole(), async (ada) => {
    const [id = ''] = await ada.readAuthenticatorIds();
    await ada.go(`/authenticators/${id}/name`);
    await ada.send({ name: ' ' });
  }),
  page('remove', whole(), async (ada) => {
    await ada.addAuthenticator(longName);
    const ids = await ada.readAuthenticatorIds();
    await ada.go(`/authenticators/${ids[1] ?? ''}/remove`);
  }),
  page('remove-error-last', whole(), async (ada) => {
    const [id = ''] = await ada.readAuthenticatorIds();
    await ada.go(`/authenticators/${id}/remove`);
    await ada.press(`/authenticators/${id}/remove`);
  }),
  page('browsers-none', whole(trusting), (ada) => ada.go('/browsers')),
  page('browsers-several', held(trusting), async (ada) => {
    await ada.page.check('[name=trust]');
    await ada.answer(ada.factor.code());
    await ada.trustAnotherBrowser(
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/605',
    );
    await ada.trustAnotherBrowser('curl');
    await ada.go('/browsers');
  }),
  page('activity-empty', plain(), (ada) => ada.go('/activity')),
  page('activity-several', whole(), async (ada) => {
    await ada.addAuthenticator(longName);
    await ada.go('/activity');
  }),
  page('activity-long', held(), async (ada) => {
    await ada.writeEvents(3);
    await ada.answer(ada.factor.code());
    await ada.go('/activity');
  }),
  page('turn-off', whole(), (ada) => ada.go('/disable')),
  page('turn-off-error', whole(), async (ada) => {
    await ada.go('/disable');
    await ada.answerWrong();
  }),
  page('error', whole(), (ada) => ada.go('/authenticators/unknown/name')),
];

const mustEnrol = (days: number): HostParts => ({
  options: {
    policy: { required: true, grace: { days } },
    paths: { home: '/account', help: '/account' },
  },
});

const overdue: HostParts = {
  options: { policy: { required: true }, paths: { home: '/account', help: '/account' } },
};

const required: GalleryPage[] = [
  page('required-in-grace', plain(mustEnrol(14)), (ada) => ada.go('/challenge')),
  page('required-last-day', plain(mustEnrol(1)), (ada) => ada.go('/challenge')),
  page('required-overdue', plain(overdue), (ada) => ada.go('/challenge')),
  page('required-setup', plain(overdue), (ada) => ada.go('/setup')),
  page('required-backup-codes', plain(overdue), async (ada) => {
    await ada.go('/setup');
    await ada.enterFirstCode();
  }),
  page('required-overview-in-grace', plain(mustEnrol(14)), async (ada) => {
    await ada.go('/challenge');
    await ada.press('/later');
    await ada.go('');
  }),
  page('required-overview-on', whole(overdue), (ada) => ada.go('')),
];

const somebody: Start<ExampleGuest> = async (browserPage, exampleUrl) =>
  new ExampleGuest(browserPage, exampleUrl);

/** Signed in at the example, under a name that nobody else has. */
const registered =
  (username: string): Start<ExampleGuest> =>
  async (browserPage, exampleUrl) => {
    const guest = new ExampleGuest(browserPage, exampleUrl);
    await guest.register(username);
    return guest;
  };

const example: GalleryPage[] = [
  page('example-sign-in', somebody, (ada) => ada.go('/login')),
  page('example-sign-in-error', somebody, async (ada) => {
    await ada.go('/login');
    await ada.send({ username: 'ada', password: 'wrong' });
  }),
  page('example-register', somebody, (ada) => ada.go('/register')),
  page('example-register-error', somebody, async (ada) => {
    await ada.go('/register');
    await ada.send({ username: '<b>', email: 'a@b', password: 'short' });
  }),
  page('example-sign-in-by-mail', somebody, (ada) => ada.go('/login/link')),
  page('example-forgot-password', somebody, (ada) => ada.go('/reset')),
  page('example-account', registered('account'), (ada) => ada.go('/account')),
  page('example-account-long-name', registered('a'.repeat(64)), (ada) => ada.go('/account')),
  page('example-password', registered('password'), (ada) => ada.go('/account/password')),
  page('example-tokens', registered('tokens'), async (ada) => {
    await ada.go('/account/tokens');
    await ada.send({ name: 'backup script <b>' });
  }),
  page('example-invite', registered('invite'), (ada) => ada.go('/account/invite')),
  page('example-outbox-empty', somebody, (ada) => ada.go('/dev/outbox')),
  page('example-outbox', registered('outbox'), async (ada) => {
    await ada.go('/account/invite');
    await ada.send({ email: `${'long-address-'.repeat(4)}@service.example` });
    await ada.go('/dev/outbox');
  }),
  page('example-coverage', registered('coverage'), (ada) => ada.go('/admin/coverage')),
  page('example-not-found', somebody, (ada) => ada.go('/nothing-here')),
].map(english);

/** Who sees the status report of the example. */
export const administrators = ['report-en', 'report-id', 'coverage'];

/** The report has a switch of its own, whatever the browser asks for. */
const reports: GalleryPage[] = (['en', 'id'] as const).map((language) => ({
  ...page('example-report', registered(`report-${language}`), (ada) =>
    ada.go(`/admin/two-factor?lang=${language}`),
  ),
  languages: [language],
}));

/** From right to left, in a language that the host brings. */
const arabic: HostParts = { options: { ...trusting.options, languages: { texts: { ar } } } };
const rightToLeft: GalleryPage[] = [
  page('rtl-challenge-error', held(arabic), (ada) => ada.answerWrong()),
  page('rtl-setup', plain(arabic), (ada) => ada.go('/setup')),
  page('rtl-overview', whole(arabic), (ada) => ada.go('')),
  page('rtl-activity', whole(arabic), (ada) => ada.go('/activity')),
].map((given) => ({ ...given, languages: ['ar'] }));

/** Every page of the package and of the example, in every state that looks different. */
export const gallery: readonly GalleryPage[] = [
  ...challenges,
  ...stopped,
  ...setups,
  ...backupCodes,
  ...management,
  ...required,
  ...example,
  ...reports,
  ...rightToLeft,
];
