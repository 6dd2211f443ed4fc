import type { ProblemCode, ProblemDetails, RowName, SectionId, State, Word } from '../findings.js';

/** Every word of the report in one language. What is missing does not compile. */
export interface ReportTexts {
  title: string;
  checkedAt: (time: string) => string;
  /** Below the title: how many there are of each. */
  summary: (problems: number, notices: number) => string;
  problemsTitle: string;
  meaning: string;
  action: string;
  expected: (value: string) => string;
  /** Of the columns of a section. */
  columns: { state: string; name: string; value: string };
  states: Record<State, string>;
  sections: Record<SectionId, string>;
  /** `null` where the row's own name says it all: a table, a package, a request. */
  rows: Record<RowName, string | null>;
  words: Record<Word, string>;
  problems: { [Code in ProblemCode]: (details: ProblemDetails[Code]) => Advice };
}

export interface Advice {
  /** What it means for the people who sign in. */
  meaning: string;
  /** What to do about it. */
  action: string;
}
