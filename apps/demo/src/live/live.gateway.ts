import { UseGuards } from '@nestjs/common';
import { type OnGatewayConnection, SubscribeMessage, WebSocketGateway, type WsResponse } from '@nestjs/websockets';
import { CurrentUser, RefreshAuthGuard, RefreshAuthService, type UserClaims } from 'nestjs-refresh-auth';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';

/** A socket that is open as long as the session: a browser opens it with `new WebSocket('/live')`, and the cookie signs it in. */
@WebSocketGateway({ path: '/live' })
// Global guards run in gateways from NestJS 12 on; with this line, they run on 11 too.
@UseGuards(RefreshAuthGuard)
export class LiveGateway implements OnGatewayConnection<WebSocket> {
  constructor(private readonly auth: RefreshAuthService) {}

  /** Closes the socket with the code as its reason: now, if it has no live session, else when its session ends. */
  async handleConnection(client: WebSocket, request: IncomingMessage): Promise<void> {
    const authentication = await this.auth.admit(client, request);
    if (authentication)
      client.send(JSON.stringify({ event: 'welcome', data: { uid: Number(authentication.claims.sub) } }));
  }

  @SubscribeMessage('me')
  me(@CurrentUser() { sub, type, scope }: UserClaims): WsResponse<object> {
    return { event: 'me', data: { uid: Number(sub), type, scope } };
  }
}
