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

  const { master: postgres, pool: mysql } = dataSource.driver;
  if (postgres !== undefined) interceptPostgres(postgres, meet);
  if (mysql !== undefined) interceptMysql(mysql, meet);
}

function interceptPostgres(pool, meet) {
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

function interceptMysql(pool, meet) {
  const connections = pool.promise();
  pool.query = (sql, values, done) => {
    const reply = (async () => {
      const connection = await connections.getConnection();
      try {
        const say = async (...statement) => (await connection.query(...statement))[0];
        return await meet({ sql, send: () => say(sql, values), say });
      } finally {
        connection.release();
      }
    })();
    reply.then((result) => done(null, result), done);
  };
}
