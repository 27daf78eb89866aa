/** Length of the longest end of `text` that one of `marks` begins with, and that is not all of it: what may still become a mark. */
export function openEnd(text: string, marks: readonly string[]): number {
  let longest = 0;
  for (const mark of marks) {
    for (let length = Math.min(mark.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(mark.slice(0, length))) longest = length;
    }
  }
  return longest;
}
