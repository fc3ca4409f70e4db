import { Test } from '@nestjs/testing';
import { AppModule } from './app.module.js';
import { walk } from './walk.js';

// oxlint-disable-next-line jest/expect-expect -- the assertions are in walk.ts
test('[F70] [F71] the application of README.md runs in the test runner of a new NestJS application', async () => {
  const app = (await Test.createTestingModule({ imports: [AppModule] }).compile()).createNestApplication();
  try {
    await walk(app);
  } finally {
    await app.close();
  }
});
