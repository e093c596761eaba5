import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** Labels that Prometheus adds to every series. */
export const ADDED_LABELS = ['namespace', 'job', 'pod', 'instance'];

/** A metric in an expression, with the matchers of its labels. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface Matcher {
  readonly label: string;
  /** `=`, `!=`, `=~` or `!~`. */
  readonly operator: string;
  readonly value: string;
}

/** Labels of a `by`, `without`, `on` or `ignoring`, and the metrics of its expression. */
export interface Grouping {
  readonly labels: readonly string[];
  readonly metrics: readonly string[];
}

/** Replaces Grafana's own variables by a duration. Variables of a dashboard are within strings. */
export function withoutVariables(expression: string): string {
  return expression.replaceAll(/\$__(rate_interval|interval|range)/g, '5m');
}

/** Places where the expression breaks Prometheus's grammar; empty if it does not. */
export function faultsOf(expression: string): string[] {
  const faults: string[] = [];
  parser.parse(expression).iterate({
    enter({ type, from, to }) {
      if (type.isError) faults.push(`at ${from}: ${expression.slice(from, to + 10)}`);
    },
  });
  return faults;
}

export function selectorsOf(expression: string): Selector[] {
  return nodes(expression, 'VectorSelector').map((node) => ({
    metric: metricOf(node, expression),
    matchers: within(node, 'UnquotedLabelMatcher').map((matcher) => ({
      label: textOf(matcher, 'LabelName', expression),
      operator: textOf(matcher, 'MatchOp', expression),
      value: textOf(matcher, 'StringLiteral', expression).slice(1, -1),
    })),
  }));
}

export function groupingsOf(expression: string): Grouping[] {
  return nodes(expression, 'GroupingLabels').map((node) => {
    const labels = within(node, 'LabelName').map(({ from, to }) =>
      expression.slice(from, to),
    );
    const whole = node.parent?.parent ?? node;
    const selectors = within(whole, 'VectorSelector');
    return { labels, metrics: selectors.map((each) => metricOf(each, expression)) };
  });
}

function metricOf(selector: SyntaxNode, expression: string): string {
  return textOf(selector, 'Identifier', expression);
}

function textOf(node: SyntaxNode, name: string, expression: string): string {
  const found = node.getChild(name);
  return found ? expression.slice(found.from, found.to) : '';
}

function nodes(expression: string, name: string): SyntaxNode[] {
  return within(parser.parse(expression).topNode, name);
}

function within(top: SyntaxNode, name: string): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  top.cursor().iterate((node) => {
    if (node.name === name) found.push(node.node);
  });
  return found;
}
