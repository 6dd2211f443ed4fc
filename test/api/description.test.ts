import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { problemStatuses } from '../../src/errors.js';
import {
  type ApiDescription,
  type DescribedOperation,
  type JsonSchema,
  readDescription,
} from '../helpers/openapi.js';

let description: ApiDescription;
beforeAll(async () => {
  description = await readDescription();
});

function listOperations(): { call: string; operation: DescribedOperation }[] {
  return Object.entries(description.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => ({
      call: `${verb.toUpperCase()} ${path}`,
      operation: operation!,
    })),
  );
}

describe('the OpenAPI document', () => {
  it('has the seven operations of the original system, and what pages can do besides', () => {
    const calls = Object.fromEntries(
      listOperations().map(({ call, operation }) => [operation.operationId, call]),
    );
    expect(calls).toEqual({
      getSetup: 'GET /setup/{user_id}',
      enable: 'POST /enable/{user_id}',
      verify: 'POST /verify/{user_id}',
      verifyBackup: 'POST /verify-backup/{user_id}',
      disable: 'POST /disable/{user_id}',
      getStatus: 'GET /status/{user_id}',
      getActivity: 'GET /activity/{user_id}',
      getBackupCodes: 'GET /backup-codes/{user_id}',
      getSession: 'GET /session',
      verifyPassword: 'POST /verify-password/{user_id}',
      cancel: 'POST /cancel/{user_id}',
      saveBackupCodes: 'POST /backup-codes/{user_id}',
      renameAuthenticator: 'POST /rename/{user_id}',
      removeAuthenticator: 'POST /remove/{user_id}',
      signOutElsewhere: 'POST /sign-out-elsewhere/{user_id}',
      getTrustedBrowsers: 'GET /trusted-browsers/{user_id}',
      revokeTrustedBrowser: 'POST /revoke-trusted-browser/{user_id}',
      revokeTrustedBrowsers: 'POST /revoke-trusted-browsers/{user_id}',
      getDescription: 'GET /openapi.json',
    });
  });

  it('is OpenAPI 3.1 whose schemas are strict JSON Schema 2020-12, with nothing that points nowhere', () => {
    expect(description.openapi).toMatch(/^3\.1\.\d$/);
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { 'date-time': true } });
    const { schemas } = description.components;
    for (const [name, schema] of Object.entries(schemas)) {
      const text = JSON.stringify(schema).replaceAll('#/components/schemas/', '');
      ajv.addSchema({ ...(JSON.parse(text) as object), $id: name });
    }
    for (const name of Object.keys(schemas)) {
      expect(ajv.getSchema(name), name).toBeTypeOf('function');
    }
    const targets = JSON.stringify(description).match(/(?<="\$ref":")[^"]+/g) ?? [];
    for (const target of targets) expect(schemas).toHaveProperty(target.replace('#/components/schemas/', ''));
    expect(targets.length).toBeGreaterThan(50);
  });

  it('describes each body that is read, and no body of a GET', () => {
    for (const { call, operation } of listOperations()) {
      expect(operation.requestBody !== undefined, call).toBe(call.startsWith('POST'));
    }
  });

  it('knows every code of errors.ts, and each operation only such, with their status', () => {
    expect(description.components.schemas['Problem']?.properties?.['code']?.enum).toEqual(
      Object.keys(problemStatuses),
    );
    for (const { call, operation } of listOperations()) {
      for (const [status, response] of Object.entries(operation.responses)) {
        if (status === '200') continue;
        const schema = response!.content['application/problem+json']!.schema;
        const codes = schema.allOf?.[1]?.properties?.['code']?.enum as (keyof typeof problemStatuses)[];
        expect(codes.length, call).toBeGreaterThan(0);
        for (const code of codes) {
          expect(problemStatuses[code], `${call}: ${code}`).toBe(Number(status));
          expect(response!.description).toContain(`\`${code}\``);
        }
      }
    }
  });

  it('has free text, which could be a secret, only where it is named here', () => {
    const texts = listOperations().map(({ operation }) => {
      const { schema } = operation.responses['200']!.content['application/json']!;
      const name = schema.$ref!.replace('#/components/schemas/', '');
      return [name, [...new Set(listTexts(schema, name))].sort()] as const;
    });
    expect(Object.fromEntries(texts)).toEqual({
      Enrolment: ['Enrolment.label', 'Enrolment.qr', 'Enrolment.secret', 'Enrolment.uri'],
      Enabled: ['Enabled.backup_codes', 'Enabled.return_to', 'Enabled.user_id'],
      Proposal: ['Proposal.backup_codes'],
      Session: [
        'Session.answers',
        'Session.challenge',
        'Session.enrol.enable',
        'Session.enrol.setup',
        'Session.user_id',
      ],
      Activity: [
        ...['address', 'browser', 'details', 'id', 'kind'].map((field) => `Activity.events.${field}`),
        ...['Activity.next', 'Activity.user_id'],
      ],
      Answered: ['Answered.return_to', 'Answered.user_id'],
      Status: ['Status.authenticators.id', 'Status.authenticators.name', 'Status.user_id'],
      Saved: ['Saved.user_id'],
      Disabled: ['Disabled.user_id'],
      TrustedBrowsers: ['TrustedBrowsers.browsers.id', 'TrustedBrowsers.browsers.name'],
      Nothing: [],
      Description: ['Description'],
    });
    expect([...new Set(listTexts({ $ref: '#/components/schemas/Problem' }, 'Problem'))].sort()).toEqual([
      'Problem.answers',
      'Problem.challenge',
      'Problem.enrol.enable',
      'Problem.enrol.setup',
      'Problem.factors',
      'Problem.login',
      'Problem.title',
    ]);
  });
});

/** Where a schema takes any text: the names of the fields. */
function listTexts(schema: JsonSchema, name: string): string[] {
  const { $ref, type, format, enum: values, properties = {}, additionalProperties: rest, items } = schema;
  if ($ref !== undefined) {
    return listTexts(description.components.schemas[$ref.replace('#/components/schemas/', '')]!, name);
  }
  const parts = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(items ? [items] : [])];
  if (typeof rest === 'object') parts.push(rest);
  const isAny = Object.keys(schema).length === 0;
  const isText =
    [type].flat().includes('string') && format === undefined && !values && schema.const === undefined;
  return [
    ...(isAny || isText ? [name] : []),
    ...parts.flatMap((part) => listTexts(part, name)),
    ...Object.entries(properties).flatMap(([field, part]) => listTexts(part, `${name}.${field}`)),
  ];
}
