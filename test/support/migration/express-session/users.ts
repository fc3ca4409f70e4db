export interface User {
  id: string;
  name: string;
  password: string;
  roles: string[];
}

/** In place of a database. */
export const users: User[] = [
  { id: '1', name: 'ada', password: 'lovelace', roles: ['user', 'admin'] },
  { id: '2', name: 'alan', password: 'turing', roles: ['user'] },
  { id: '3', name: 'grace', password: 'hopper', roles: ['user'] },
];
