/** The data source file of an application, over the database of a test. */
import { DataSource } from 'typeorm';
import { TOTP_ENTITIES, TOTP_MIGRATIONS } from '../../dist/index.js';

export default new DataSource({
  ...JSON.parse(process.env.TOTP_DATABASE),
  entities: TOTP_ENTITIES,
  migrations: TOTP_MIGRATIONS,
});
