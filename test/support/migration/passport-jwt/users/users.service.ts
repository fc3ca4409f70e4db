import { Injectable } from '@nestjs/common';

export interface User {
  id: number;
  name: string;
  password: string;
  roles: string[];
  isBlocked: boolean;
}

/** In place of a database. */
@Injectable()
export class UsersService {
  readonly #users: User[] = [
    { id: 1, name: 'ada', password: 'lovelace', roles: ['user', 'admin'], isBlocked: false },
    { id: 2, name: 'alan', password: 'turing', roles: ['user'], isBlocked: false },
    { id: 3, name: 'grace', password: 'hopper', roles: ['user'], isBlocked: false },
  ];

  async find(id: number): Promise<User | undefined> {
    return this.#users.find((user) => user.id === id);
  }

  async findByName(name: string): Promise<User | undefined> {
    return this.#users.find((user) => user.name === name);
  }
}
