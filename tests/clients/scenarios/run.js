/** `node run.js SCENARIO CELL ADDRESS MODEL [PROMPT...]`: one scenario in a process of its own; its result is a line of JSON. */
const [scenario, cell, address, model, ...prompts] = process.argv.slice(2);
const { open } = await import(`./${scenario}.js`);
const { text, converse, tool, abort, error } = open(address, model);
const cells = {
  text: () => text(prompts[0]),
  stream: () => converse(prompts),
  tool: () => tool(prompts[0]),
  abort,
  async error() {
    try {
      await error();
    } catch (thrown) {
      return { name: thrown?.constructor?.name, message: String(thrown?.message), status: thrown?.status ?? thrown?.statusCode ?? null };
    }
    throw new Error('it was not refused');
  },
};
const result = await cells[/** @type {keyof typeof cells} */ (cell)]();
process.stdout.write(`${JSON.stringify(result ?? null)}\n`);
process.exit(0);
