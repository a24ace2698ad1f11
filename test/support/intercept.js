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

/** The module's statements are objects; those of TypeORM's query runner, which are met there, are strings. */
function interceptPostgres(pool, meet) {
  const connect = pool.connect.bind(pool);
  const met = new WeakSet();
  pool.connect = (done) => {
    if (done === undefined) return connect();
    return connect((error, client, release) => {
      if (client !== undefined && !met.has(client)) {
        met.add(client);
        const query = client.query.bind(client);
        client.query = (statement, ...rest) =>
          typeof statement === 'string' || rest.length > 0
            ? query(statement, ...rest)
            : meet({ sql: statement.text, send: () => query(statement), say: (sql) => query(sql) });
      }
      done(error, client, release);
    });
  };
}

function interceptMysql(pool, meet) {
  const getConnection = pool.getConnection.bind(pool);
  const met = new WeakSet();
  pool.getConnection = (done) =>
    getConnection((error, connection) => {
      if (connection !== undefined && !met.has(connection)) {
        met.add(connection);
        const query = connection.query.bind(connection);
        const execute = connection.execute.bind(connection);
        connection.execute = (statement, ...rest) => {
          const [reply] = rest;
          if (rest.length !== 1) return execute(statement, ...rest);
          meet({
            sql: statement.sql,
            send: () => promised(execute, statement),
            say: (sql) => promised(query, sql),
          }).then((result) => reply(null, result), reply);
        };
      }
      done(error, connection);
    });
}

function promised(query, statement) {
  return new Promise((resolve, reject) => {
    query(statement, (error, result) => (error ? reject(error) : resolve(result)));
  });
}
