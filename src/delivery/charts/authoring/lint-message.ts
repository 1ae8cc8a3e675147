export type Severity = 'INFO' | 'WARNING' | 'ERROR';

export interface LintMessage {
  severity: Severity;
  /** A file or directory of the chart; '' for the chart as a whole. */
  path: string;
  text: string;
}

/** Messages, collected; nothing is said for a rule that found nothing. */
export class Findings {
  readonly messages: LintMessage[] = [];

  say(severity: Severity, path: string, text: string | undefined): void {
    if (text !== undefined) this.messages.push({ severity, path, text });
  }
}
