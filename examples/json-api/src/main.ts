// The whole life of a second factor by the JSON API alone, against a running example server:
//   node examples/json-api/dist/main.js http://localhost:3000 ['oathtool --totp -b -N "$AT" "$SECRET"']
import { randomBytes } from 'node:crypto';
import { ProblemError, SecondFactorClient } from './client.js';
import { Authenticator } from './authenticator.js';
import { must, show, showProblem } from './transcript.js';

const [origin, command] = process.argv.slice(2);

async function tell(client: SecondFactorClient, username: string, password: string): Promise<void> {
  const logIn = (): Promise<unknown> => client.login(username, password);
  const logOut = (): Promise<void> => show('logout', client.logout());

  await show('register', client.register(username, `${username}@service.example`, password));

  const setup = await show('getSetup', client.call('getSetup'));
  const phone = new Authenticator(setup.secret, command);
  const enabled = await show('enable', client.call('enable', { code: phone.code(), name: 'Phone' }));
  must(enabled.backup_codes.length === 10, 'enable gives ten backup codes');
  await show('saveBackupCodes', client.call('saveBackupCodes', { saved: true }));
  const before = await show('getStatus', client.call('getStatus'));
  must(before.enabled && before.backup_codes.left === 10, 'the second factor is on');
  await logOut();

  const held = await showProblem('login', logIn(), 'second-factor-required');
  must('answers' in held.members, 'a held login says where to answer');
  // The code of `enable` works once: this is the next one, which the server takes as well.
  const code = phone.code(1);
  const answered = await show('verify', client.call('verify', { code }));
  must('totp' in answered.proofs, 'a code was proven');
  await showProblem('verify', client.call('verify', { code }), 'code-used');

  // Step-up: a fresh proof in a complete session, for the changes that follow.
  const [first = '', old = ''] = enabled.backup_codes;
  const stepUp = await show('verifyBackup', client.call('verifyBackup', { code: first }));
  must('backup-code' in stepUp.proofs && stepUp.return_to === null, 'a backup code proves as well');

  const proposal = await show('getBackupCodes', client.call('getBackupCodes'));
  must(!proposal.live, 'new backup codes do not work before they are saved');
  const saved = await show('saveBackupCodes', client.call('saveBackupCodes', { saved: true }));
  must(saved.backup_codes.left === 10, 'there are ten new backup codes');

  const authenticator_id = before.authenticators[0]?.id ?? '';
  await show(
    'renameAuthenticator',
    client.call('renameAuthenticator', { authenticator_id, name: 'Blue phone' }),
  );
  const more = await show('getSetup', client.call('getSetup'));
  const tablet = new Authenticator(more.secret, command);
  await show('enable', client.call('enable', { code: tablet.code(), name: 'Tablet' }));
  const both = await show('getStatus', client.call('getStatus'));
  const added = both.authenticators.find(({ name }) => name === 'Tablet');
  must(both.authenticators.length === 2 && added !== undefined, 'there are two authenticators');
  const left = await show(
    'removeAuthenticator',
    client.call('removeAuthenticator', { authenticator_id: added.id }),
  );
  must(left.authenticators[0]?.name === 'Blue phone', 'the first one is left, under its new name');
  await logOut();

  await showProblem('login', logIn(), 'second-factor-required');
  await showProblem('verifyBackup', client.call('verifyBackup', { code: old }), 'code-wrong');
  const [fresh = '', last = ''] = proposal.backup_codes;
  await show('verifyBackup', client.call('verifyBackup', { code: fresh }));
  await show('disable', client.call('disable', { code: last }));
  await logOut();

  await show('login', logIn());
  const after = await show('getStatus', client.call('getStatus'));
  must(!after.enabled && after.authenticators.length === 0, 'the second factor is off');
}

try {
  if (origin === undefined)
    throw new Error('Say where the example server is, such as http://localhost:3000.');
  const username = `json-${randomBytes(4).toString('hex')}`;
  await tell(new SecondFactorClient(origin), username, randomBytes(16).toString('base64url'));
  console.log('Everything went as it must.');
} catch (error) {
  console.error(error instanceof ProblemError ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
