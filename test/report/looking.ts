import type { Report, ReportContext } from 'passport-second-factor';
import { systemClock } from '../../src/clock.js';
import { createHost, type Host, type HostParts } from '../helpers/host.js';

/** A host on the real clock, so that no clock is off. */
export function createReported({ options, ...parts }: HostParts = {}): Promise<Host> {
  return createHost({ ...parts, options: { clock: systemClock, ...options } });
}

export function codesOf(report: Report): string[] {
  return report.problems.map(({ code }) => code);
}

export function detailsOf(report: Report, code: string): object | undefined {
  return report.problems.find((problem) => problem.code === code)?.details;
}

export function rowsOf(report: Report, id: string) {
  return report.sections.find((section) => section.id === id)?.rows ?? [];
}

export function valueOf(report: Report, id: string, name: string, of?: string): unknown {
  return rowsOf(report, id).find((row) => row.name === name && row.of === of)?.value;
}

/** One look at a host. */
export const look = (host: Host, context: ReportContext = {}): Promise<Report> =>
  host.secondFactor.report(context);
