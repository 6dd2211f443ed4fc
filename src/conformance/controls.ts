import type { Stage } from './stage.js';
import { arrange } from './verdict.js';

/**
 * What must work, done rightly, before a refusal proves anything: a form with a wrong path refuses every attacker. Each is
 * named as the part of the manifest without which there is nothing to try.
 */
const controls = {
  async challenge(stage: Stage) {
    const { person } = await stage.enrolled();
    await stage.complete(person);
  },

  async logout(stage: Stage) {
    const { person, browser } = await stage.enrolled();
    const { status } = await stage.act(browser, person, 'logout');
    arrange(
      !(await stage.isSignedIn(browser, person)),
      `logout: answered with ${status}, and still signed in. Correct \`logout\`.`,
    );
  },

  async setup(stage: Stage) {
    const { person, browser } = await stage.newcomer();
    await stage.enrol(browser, person);
    arrange(
      !(await stage.isLetInByPassword(person)),
      'setup: the right code turned nothing on: the password alone still signs in. Correct `setup`.',
    );
  },

  async backupCodes(stage: Stage) {
    const { person } = await stage.enrolled();
    const browser = await stage.pending(person);
    const { story } = await stage.attempt(browser, person, stage.backupCodePart(), person.backupCode());
    arrange(
      await stage.isSignedIn(browser, person),
      `backupCodes: a right one does not sign in (${story}). Correct \`backupCodes\` or \`challenge.backupCode\`.`,
    );
  },

  async disable(stage: Stage) {
    await stage.turnOff(await stage.enrolled());
  },

  async password(stage: Stage) {
    await stage.changePassword(await stage.newcomer());
  },

  async trust(stage: Stage) {
    const { person } = await stage.enrolled();
    const browser = await stage.trusted(person);
    const { status } = await stage.signIn(person, browser);
    arrange(
      await stage.isSignedIn(browser, person),
      `trust: with the box ticked, the next login (answered with ${status}) asks for a code all the same. Correct \`trust\` (field, value).`,
    );
  },

  async api(stage: Stage) {
    const { person } = await stage.enrolled();
    const browser = await stage.pending(person);
    const answered = await stage.attempt(browser, person, 'api.challenge', await stage.nextCode(person));
    arrange(
      await stage.isSignedIn(browser, person),
      `api: the right code did not sign in (${answered.story}). Correct \`api.challenge\` (path, field, headers).`,
    );
    if (!stage.has('api.disable')) return;
    const { story } = await stage.attempt(browser, person, 'api.disable', await stage.nextCode(person));
    arrange(
      await stage.isLetInByPassword(person),
      `api: the right code did not turn it off (${story}). Correct \`api.disable\`.`,
    );
  },
};

export type Control = keyof typeof controls;

/** The controls of one run: each is tried once, by a user of its own. */
export class Controls {
  readonly #tried = new Map<Control, Promise<void>>();

  /** @throws Verdict where a part that the manifest has does not work. */
  async prove(stage: Stage, names: readonly Control[]): Promise<void> {
    for (const name of names) {
      if (stage.manifest[name] === undefined) continue;
      const trial = this.#tried.get(name) ?? controls[name](stage);
      this.#tried.set(name, trial);
      await trial;
    }
  }
}
