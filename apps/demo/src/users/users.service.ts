import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Credentials } from '../auth/credentials.js';

export interface User {
  uid: number;
  username: string;
  type: 'admin' | 'user';
  scope: string;
}

// Fixed, public demo accounts. A real application keeps its users in a database, and stores passwords only as slow, salted hashes (argon2,
// scrypt).
const accounts: { user: User; passwordHash: Buffer }[] = [
  { user: { uid: 1, username: 'ada', type: 'admin', scope: 'read write' }, passwordHash: sha256('lovelace') },
  { user: { uid: 2, username: 'alan', type: 'user', scope: 'read' }, passwordHash: sha256('turing') },
];

// Unknown names take one comparison too, so that the timing does not reveal which names exist.
const noPasswordHash = Buffer.alloc(32);

@Injectable()
export class UsersService {
  count(): number {
    return accounts.length;
  }

  findByUid(uid: string): User | undefined {
    return accounts.find(({ user }) => String(user.uid) === uid)?.user;
  }

  findByCredentials({ username, password }: Credentials): User | undefined {
    const account = accounts.find(({ user }) => user.username === username);
    const matches = timingSafeEqual(sha256(password), account?.passwordHash ?? noPasswordHash);
    return matches ? account?.user : undefined;
  }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
