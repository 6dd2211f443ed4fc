import express, { type Request, type RequestHandler } from 'express';
import { SecondFactorError } from '../errors.js';
import { type BodyKind, MAX_BODY_BYTES, receiveBody } from './body.js';
import { refuseForgedForm, TOKEN_FIELD } from './csrf.js';
import { handle } from './handle.js';

const MAX_FIELD_LENGTH = 2_048;

const form: BodyKind = {
  name: 'form',
  type: 'application/x-www-form-urlencoded',
  parse: express.urlencoded({ extended: false, limit: MAX_BODY_BYTES, parameterLimit: 20 }),
};

/** Reads a form and its token before any handler sees it. */
export function readForm(origin: string): RequestHandler {
  return handle(async (request, response, next) => {
    await receiveBody(request, response, form);
    refuseForgedForm(request, origin, readField(request, TOKEN_FIELD) ?? '');
    next();
  });
}

/**
 * One field of a form, as the one text that it must be.
 * @throws SecondFactorError `request-invalid` on a list, an object, a number or an over-long text.
 */
export function readField(request: Request, name: string): string | undefined {
  const body: unknown = request.body;
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return undefined;
  const value: unknown = (body as Record<string, unknown>)[name];
  if (typeof value === 'string' && value.length <= MAX_FIELD_LENGTH) return value;
  throw new SecondFactorError('request-invalid', `The field "${name}" must be one short text.`);
}
