export { TestClock } from 'nestjs-refresh-auth/testing';
