import { Box, Text, useInput } from 'ink';
import { createElement } from 'react';

export type OnInput = Parameters<typeof useInput>[0];

/** Lines of a whole screen, as they are, and whoever hears the keys. */
export function Lines({ lines, onInput }: { readonly lines: readonly string[]; readonly onInput: OnInput }) {
  useInput(onInput);
  return createElement(
    Box,
    { flexDirection: 'column' },
    lines.map((text, i) => createElement(Text, { key: i, wrap: 'truncate' }, text === '' ? ' ' : text)),
  );
}
