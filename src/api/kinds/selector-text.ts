import { labelMatcher, mapMatcher } from '../label-selector.ts';
import type { LabelSelector } from '../types/meta-v1.ts';

/** A selector as query parameters write it; empty when it selects everything, where a table cell would say `<none>`. */
export function selectorText(selector: LabelSelector | undefined): string {
  return labelMatcher(selector).toString();
}

/** A plain map of labels as query parameters write it. */
export function mapSelectorText(labels: Record<string, string> | undefined): string {
  return mapMatcher(labels ?? {}).toString();
}
