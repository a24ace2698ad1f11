/** What the README tells a CommonJS application to write. */
module.exports = {
  testMatch: ['**/*.test.cjs'],
  testTimeout: 60_000,
  transform: { '\\.[cm]?js$': ['@swc/jest', { module: { type: 'commonjs' } }] },
  transformIgnorePatterns: ['/node_modules/(?!(nestjs-totp|otplib|@otplib|@scure|@noble)/)'],
};
