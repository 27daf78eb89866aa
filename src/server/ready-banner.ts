import type { DaemonSummary } from './daemon.js';

export function readyBanner({ model, backend, address, socket, memory }: DaemonSummary): string {
  const body = JSON.stringify({ model: model.id, messages: [{ role: 'user', content: 'Say hello.' }] });
  const rows = [
    ['model', `${model.id} (${model.contextLength} tokens of context, ${megabytes(model.weightBytes)} of weights)`],
    ['backend', `${backend.executor} executor, ${backend.detail}`],
    ['address', address],
    ['socket', socket],
    ['memory', `${megabytes(memory.budgetBytes)} budget, room for ${memory.kvBudgetTokens} tokens of KV`],
    ['try', `curl ${address}/v1/chat/completions -H 'content-type: application/json' -d '${body}'`],
  ];
  return ['semantic is ready', ...rows.map(([name, value]) => `  ${name?.padEnd(8)} ${value}`)].join('\n');
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
