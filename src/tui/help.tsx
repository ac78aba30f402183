import { Box, Text } from "ink";

const KEYS: readonly (readonly [string, string])[] = [
  ["↑ ↓", "select an origin"],
  ["enter", "its details"],
  ["c", "check it now"],
  ["e", "enable or disable it (asks)"],
  ["/", "show only origins whose name, type or state contains …"],
  ["p", "pause the picture; the mount goes on"],
  ["?", "this help"],
  ["esc", "back"],
  ["q", "quit; the mount goes on"],
];

const SYMBOLS: readonly (readonly [string, string])[] = [
  ["● ◐ ✖ ○ –", "healthy, degraded, unhealthy, unknown, disabled"],
  ["⤳", "served by another origin than the one asked first"],
  ["↻", "served after a failed try"],
  ["⇉", "two origins were asked, the first answer counts"],
  ["◆", "came from the cache"],
  ["≈", "from a replica that is probably, not provably, the same"],
];

/** The keys, and what the symbols mean; cut off at the bottom where there are too few lines for them. */
export function Help({ cells }: { readonly cells: number }) {
  const rows = ([name, text]: readonly [string, string]) => (
    <Text key={name} wrap="truncate">
      <Text bold>{name.padEnd(11)}</Text>
      {text}
    </Text>
  );
  return (
    <Box flexDirection="column" borderStyle="round" paddingX={1} width={cells} flexShrink={0}>
      {KEYS.map(rows)}
      <Text> </Text>
      {SYMBOLS.map(rows)}
    </Box>
  );
}
