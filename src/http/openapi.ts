import { z } from 'zod';
import { type ProblemCode, problemStatuses } from '../errors.js';
import { TOKEN_HEADER } from './csrf.js';
import { named, type Operation, owedEnrolment, schemaNames } from './operation.js';

const codes = Object.keys(problemStatuses) as [ProblemCode, ...ProblemCode[]];

/** RFC 9457, with the members of `ProblemMembers`. */
const problem = named(
  'Problem',
  z.strictObject({
    title: z.string().describe('For a person: what happened and what to do.'),
    status: z.int(),
    code: z.enum(codes).describe('Stable; docs/errors.md says what each means.'),
    factors: z.array(z.string()).optional().describe('Which factors would do.'),
    challenge: z.string().optional().describe('Path of the page where a person goes on.'),
    answers: z.record(z.string(), z.string()).optional().describe('Where to answer, by factor.'),
    enrol: owedEnrolment.optional(),
    login: z.string().optional().describe('Path of the login page.'),
    proof: z.enum(['missing', 'expired']).optional(),
    attempts_left: z.int().optional(),
    retry_after: z.int().optional().describe('Seconds, as in the header Retry-After.'),
    clock_offset: z
      .int()
      .optional()
      .describe('How far the authenticator’s clock seems to be ahead, in seconds; negative: behind.'),
  }),
);

const always: readonly ProblemCode[] = [
  'request-invalid',
  'cross-site-refused',
  'not-ready',
  'session-missing',
  'session-unavailable',
  'user-unavailable',
  'storage-unavailable',
  'key-unknown',
  'seal-broken',
];
const ofUser: readonly ProblemCode[] = [
  'login-required',
  'login-expired',
  'second-factor-required',
  'impersonation-refused',
  'not-found',
];
const ofPost: readonly ProblemCode[] = [
  'form-token-invalid',
  'request-too-large',
  'content-type-unsupported',
];

export const showDescription = {
  id: 'getDescription',
  method: 'get',
  path: '/openapi.json',
  summary: 'This document',
  description: 'The JSON API as OpenAPI 3.1.',
  answer: named('Description', z.record(z.string(), z.unknown())),
  problems: [],
} satisfies Operation;

/** OpenAPI 3.1 of these operations, made from the schemas that read the calls and type the answers. */
export function describeApi(operations: readonly Operation[], path: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) (paths[operation.path] ??= {})[operation.method] = describe(operation);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Second factor',
      version: '1',
      description:
        'The second step of a login, and what its owner does with it. A session cookie says who calls; `user_id` is `me` or the own id. ' +
        `A browser’s calls are told from another site’s by Fetch Metadata or Origin; other clients send the header ${TOKEN_HEADER} of the answer before.`,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: path }],
    security: [{ session: [] }],
    paths,
    components: {
      schemas: describeSchemas(),
      securitySchemes: {
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'connect.sid',
          description: 'The session cookie of the application, whatever its name.',
        },
      },
    },
  };
}

function describe(operation: Operation): object {
  const { id, path, summary, description, body, answer, problems, method } = operation;
  const isOfUser = path.includes('{user_id}');
  const all = [...always, ...(isOfUser ? ofUser : []), ...(method === 'post' ? ofPost : []), ...problems];
  return {
    operationId: id,
    summary,
    description,
    parameters: [
      ...(isOfUser ? [userId] : []),
      ...describeQuery(operation.query),
      ...(method === 'post' ? [tokenParameter] : []),
    ],
    ...(body && {
      requestBody: { required: true, content: { 'application/json': { schema: refer(body) } } },
    }),
    responses: {
      200: {
        description: 'Done.',
        headers: { [TOKEN_HEADER]: tokenHeader },
        content: { 'application/json': { schema: refer(answer) } },
      },
      ...describeProblems(all),
    },
  };
}

function describeQuery(query: Operation['query'] = {}): object[] {
  return Object.entries(query).map(([name, description]) => ({
    ...{ name, in: 'query', description },
    schema: { type: 'string' },
  }));
}

const userId = {
  name: 'user_id',
  in: 'path',
  required: true,
  description: '`me`, or an id. Somebody else’s is answered as one that does not exist.',
  schema: { type: 'string' },
};

const tokenParameter = {
  name: TOKEN_HEADER,
  in: 'header',
  description: 'The token of this session, from clients that send neither `Sec-Fetch-Site` nor `Origin`.',
  schema: { type: 'string' },
};

const tokenHeader = { description: 'The token of this session, from now on.', schema: { type: 'string' } };

/** A problem for each status, with the codes that this operation may give there. */
function describeProblems(all: readonly ProblemCode[]): Record<string, object> {
  const statuses = new Set(all.map((code) => problemStatuses[code]));
  return Object.fromEntries(
    [...statuses].map((status) => {
      const here = [...new Set(all.filter((code) => problemStatuses[code] === status))];
      const schema = { allOf: [refer(problem), { type: 'object', properties: { code: { enum: here } } }] };
      return [
        status,
        {
          description: here.map((code) => `\`${code}\``).join(', '),
          headers: { [TOKEN_HEADER]: tokenHeader },
          content: { 'application/problem+json': { schema } },
        },
      ];
    }),
  );
}

function refer(schema: z.ZodType): { $ref: string } {
  const id = schemaNames.get(schema)?.id;
  if (id === undefined) throw new Error('A schema of the JSON API has no name.');
  return { $ref: pointTo(id) };
}

function pointTo(id: string): string {
  return `#/components/schemas/${id}`;
}

function describeSchemas(): Record<string, object> {
  const { schemas } = z.toJSONSchema(schemaNames, {
    uri: pointTo,
    override({ jsonSchema }) {
      // The format says it; the pattern of all dates that exist is unreadable.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    },
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => [id, { ...schema, $schema: undefined, $id: undefined }]),
  );
}
