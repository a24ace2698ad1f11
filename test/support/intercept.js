/**
 * Meets every statement of a data source on its way to the database, whether it goes through TypeORM's query runner or directly
 * to the pool. In JavaScript, since processes of their own use it as well.
 */
export function intercept(dataSource, meet) {
  const create = dataSource.createQueryRunner.bind(dataSource);
  const met = new WeakSet();
  dataSource.createQueryRunner = (...mode) => {
    const runner = create(...mode);
    // SQLite has one for everybody.
    if (met.has(runner)) return runner;
    met.add(runner);
    const say = runner.query.bind(runner);
    runner.query = (...statement) => meet({ sql: statement[0], send: () => say(...statement), say });
    return runner;
  };

  const pool = dataSource.driver.master;
  if (pool === undefined) return;
  pool.query = async (statement) => {
    const client = await pool.connect();
    let broken;
    const noticed = (error) => (broken = error);
    client.on('error', noticed);
    try {
      const say = (sql) => client.query(sql);
      return await meet({ sql: statement.text, send: () => client.query(statement), say });
    } finally {
      client.off('error', noticed);
      client.release(broken);
    }
  };
}
