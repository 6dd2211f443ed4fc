import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import express, { type RequestHandler } from 'express';
import { Passport } from 'passport';
import { createSecondFactor } from 'passport-second-factor';
import { memoryStorage } from 'passport-second-factor/testing';
import supertest from 'supertest';

/** What of an OpenAPI document is used here. */
export interface ApiDescription {
  openapi: string;
  paths: Record<string, Partial<Record<string, DescribedOperation>>>;
  components: { schemas: Record<string, JsonSchema> };
}

export interface DescribedOperation {
  operationId: string;
  requestBody?: unknown;
  responses: Partial<Record<string, { description: string; content: Content }>>;
}

type Content = Partial<Record<string, { schema: JsonSchema }>>;

/** What of JSON Schema the document uses. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  const?: unknown;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: boolean | JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
}

/** An answer as it was sent. */
export interface SentAnswer {
  method: string;
  /** Below the mount. */
  path: string;
  status: number;
  contentType: string;
  body: unknown;
}

const anyProblem: Content = {
  'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
};

/** Says what of an answer is not as the document has it; `undefined` where all is. */
export type AnswerCheck = (sent: SentAnswer) => string | undefined;

export function createAnswerCheck(description: ApiDescription): AnswerCheck {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (formats as unknown as (ajv: Ajv2020) => void)(ajv);
  ajv.addSchema({ $id: 'api', ...description });
  const validators = new Map<string, ValidateFunction>();
  const validatorOf = (schema: JsonSchema): ValidateFunction => {
    const text = JSON.stringify(schema).replaceAll('"#/', '"api#/');
    const known = validators.get(text) ?? ajv.compile(JSON.parse(text) as object);
    validators.set(text, known);
    return known;
  };
  const paths = Object.keys(description.paths).map((path) => ({
    path,
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`, 'i'),
  }));

  return ({ method, path, status, contentType, body }) => {
    const known = paths.find(({ pattern }) => pattern.test(path));
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
    const operation = known && description.paths[known.path]?.[verb];
    // Of what is not in the document, only that it is a problem.
    const isElsewhere = !operation && (status === 404 || status === 405 || status === 403 || status === 400);
    const response = operation?.responses[String(status)];
    if (!isElsewhere && !response)
      return `${method} ${path} answers ${String(status)}, which is not described`;
    const content = isElsewhere ? anyProblem : response?.content;
    const schema = content?.[contentType.split(';')[0] ?? '']?.schema;
    if (!schema) return `${method} ${path} answers ${String(status)} as ${contentType}`;
    const validate = validatorOf(schema);
    if (validate(body)) return undefined;
    return `${method} ${path} answers ${String(status)}: ${ajv.errorsText(validate.errors)}`;
  };
}

let description: Promise<ApiDescription> | undefined;

/** The document of this build, as an application serves it. */
export function readDescription(): Promise<ApiDescription> {
  description ??= fetchDescription();
  return description;
}

let check: Promise<AnswerCheck> | undefined;

/** By the document of this build. One for all hosts of a file: to compile the schemas takes longer than to start a host. */
export function readAnswerCheck(): Promise<AnswerCheck> {
  check ??= readDescription().then(createAnswerCheck);
  return check;
}

async function fetchDescription(): Promise<ApiDescription> {
  const keys = [{ id: 'any', secret: Buffer.from(Array.from({ length: 32 }, (_, index) => index)) }];
  const user = { id: () => 'any', label: () => 'any' };
  const options = { issuer: 'Any', origin: 'http://any.example', storage: memoryStorage(), keys, user };
  const secondFactor = createSecondFactor(options);
  secondFactor.protect(new Passport());
  const app = express().use('/api/v1/two-factor', secondFactor.api());
  const { body } = await supertest(app).get('/api/v1/two-factor/openapi.json');
  return body as ApiDescription;
}

/** Reports every answer of the JSON API that is not as its document has it. Mount it right above the API. */
export function reportAnswers(check: AnswerCheck, report: (fault: string) => void): RequestHandler {
  return (request, response, next) => {
    const json = response.json.bind(response);
    const { path, method } = request;
    response.json = (body: unknown) => {
      const contentType = response.get('Content-Type') ?? 'application/json';
      const sent: unknown = JSON.parse(JSON.stringify(body));
      const fault = check({ method, path, status: response.statusCode, contentType, body: sent });
      if (fault !== undefined) report(fault);
      return json(body);
    };
    next();
  };
}
