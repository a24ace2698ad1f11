/** Measures how long a Nest application takes to start, and how much heap it then holds, without the module and with it. */

export async function rows(bench) {
  const database = await bench.database();
  const start = async (withModule) => {
    const { stop, ...started } = await bench.start('start-up.js', { database, withModule }, ['--expose-gc']);
    await stop();
    return started;
  };
  const time = (name, withModule) => ({
    name,
    unit: 'ms',
    measure: async () => ({ value: (await start(withModule)).milliseconds }),
  });
  const heap = (name, withModule) => ({
    name,
    unit: 'MiB',
    measure: async () => ({ value: (await start(withModule)).heapBytes / 2 ** 20 }),
  });
  return [
    time('start of an empty application', false),
    { ...time('start with the module', true), against: 'start of an empty application' },
    heap('heap of an empty application', false),
    { ...heap('heap with the module', true), against: 'heap of an empty application' },
  ];
}
