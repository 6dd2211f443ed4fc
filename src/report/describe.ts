import type {
  Problem,
  ProblemCode,
  ProblemDetails,
  Report,
  Row,
  SectionId,
  Severity,
  State,
} from '../findings.js';
import { report as en } from '../texts/en/report.js';
import { report as id } from '../texts/id/report.js';
import type { Advice, ReportTexts } from '../texts/report.js';

/** A report in words, for a page or a terminal. */
export interface DescribedReport {
  title: string;
  checkedAt: string;
  summary: string;
  /** Headings of the list of problems and of the columns. */
  labels: Pick<ReportTexts, 'problemsTitle' | 'meaning' | 'action' | 'columns'>;
  problems: readonly DescribedProblem[];
  sections: readonly { id: SectionId; title: string; rows: readonly DescribedRow[] }[];
}

/** What is wrong, what it means and what to do, in words. */
export interface DescribedProblem extends Advice {
  code: ProblemCode;
  severity: Severity;
  /** The severity in words. */
  label: string;
  section: string;
}

/** One thing that was looked at, in words. */
export interface DescribedRow {
  name: string;
  value: string;
  /** '' where nothing in particular is expected, or just what was found. */
  expected: string;
  state: State;
  /** The state in words. */
  label: string;
}

const catalogue = { en, id };

/**
 * Languages that a report can be said in.
 * @useDeclaredType
 */
export type Language = keyof typeof catalogue;

/** A report in words, for a page of the host's: escape them there. */
export function describeReport(report: Report, language: Language): DescribedReport {
  const texts = catalogue[language];
  const count = (severity: Severity): number =>
    report.problems.filter((problem) => problem.severity === severity).length;
  const time = report.checkedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
  return {
    title: texts.title,
    checkedAt: texts.checkedAt(time),
    summary: texts.summary(count('problem'), count('notice')),
    labels: texts,
    problems: report.problems.map((problem) => ({
      code: problem.code,
      severity: problem.severity,
      label: texts.states[problem.severity],
      section: texts.sections[problem.section],
      ...adviseOn(problem, texts),
    })),
    sections: report.sections.map((section) => ({
      id: section.id,
      title: texts.sections[section.id],
      rows: section.rows.map((row) => describeRow(row, texts)),
    })),
  };
}

/** The catalogue has a function for each code, which takes that code's details. */
function adviseOn<Code extends ProblemCode>(
  { code, details }: { code: Code; details: ProblemDetails[Code] } & Pick<Problem, 'section'>,
  texts: ReportTexts,
): Advice {
  return texts.problems[code](details);
}

function describeRow({ name, of, value, expected, state }: Row, texts: ReportTexts): DescribedRow {
  return {
    name: [texts.rows[name], of].filter((part) => part).join(' '),
    value: typeof value === 'object' ? texts.words[value.word] : String(value),
    expected: expected === undefined || expected === value ? '' : texts.expected(String(expected)),
    state,
    label: texts.states[state],
  };
}
