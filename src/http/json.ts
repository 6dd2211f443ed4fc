import express, { type Request, type Response } from 'express';
import type { z } from 'zod';
import { SecondFactorError } from '../errors.js';
import { type BodyKind, MAX_BODY_BYTES, receiveBody } from './body.js';

const json: BodyKind = {
  name: 'JSON document',
  type: 'application/json',
  parse: express.json({ limit: MAX_BODY_BYTES }),
};

/**
 * Reads the body of a call.
 * @throws SecondFactorError `request-invalid`, which names the fields and repeats no value: it could be a password.
 */
export async function readJson<Body>(
  request: Request,
  response: Response,
  schema: z.ZodType<Body>,
): Promise<Body> {
  // Without a body there is no type to look at, and nothing to parse.
  if (request.is(json.type) === null) {
    throw new SecondFactorError('content-type-unsupported', `Send a ${json.name} (${json.type}).`);
  }
  await receiveBody(request, response, json);
  const parsed = schema.safeParse(request.body);
  if (parsed.success) return parsed.data;
  throw new SecondFactorError('request-invalid', parsed.error.issues.map(describeIssue).join(' '));
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return 'There are fields that are not known here.';
  const [field] = issue.path;
  return field === undefined
    ? 'The document must be an object.'
    : `The field "${String(field)}" ${issue.message}.`;
}
