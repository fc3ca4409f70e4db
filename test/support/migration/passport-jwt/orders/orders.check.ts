import request from 'supertest';

/** The application's own test, with supertest. `server` is the application or its URL. */
export async function checkOrders(server: string): Promise<void> {
  await request(server).get('/orders').expect(401);
  await request(server).get('/orders/hours').expect(200);
  const login = await request(server).post('/auth/login').send({ name: 'alan', password: 'turing' }).expect(200);
  const { access_token: token } = login.body as { access_token: string };
  await request(server).get('/orders').set('Authorization', `Bearer ${token}`).expect(200, { of: 'alan', orders: [] });
  await request(server).get('/orders/all').set('Authorization', `Bearer ${token}`).expect(403);
}
