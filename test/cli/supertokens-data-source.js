/** A data source for the database of SuperTokens' core, which in the tests is the same. */
import { DataSource } from 'typeorm';

export default new DataSource(JSON.parse(process.env.TOTP_DATABASE));
