import { Controller, type MessageEvent, type OnModuleDestroy, Sse } from '@nestjs/common';
import { CurrentUser, RefreshAuthService, type UserClaims } from 'nestjs-refresh-auth';
import { map, merge, type Observable, Subject, takeUntil, timer } from 'rxjs';

/** Shorter than the minute or so after which proxies close an idle connection. */
const HEARTBEAT = 15_000;

@Controller('live')
export class LiveController implements OnModuleDestroy {
  readonly #shutdown = new Subject<void>();

  constructor(private readonly auth: RefreshAuthService) {}

  /** Ends all streams, for which the process would wait when it shuts down. Browsers connect again, to another process. */
  onModuleDestroy(): void {
    this.#shutdown.next();
  }

  /** A stream that is open as long as the session. Its last event says why it has ended. */
  @Sse('events')
  events(@CurrentUser() user: UserClaims): Observable<MessageEvent> {
    const ended = this.auth.ended(user);
    const heartbeats = timer(0, HEARTBEAT).pipe(
      map(() => ({ data: { uid: Number(user.sub), at: new Date().toISOString() } })),
      takeUntil(ended),
    );
    const last = ended.pipe(map(({ code }) => ({ type: 'ended', data: code })));
    return merge(heartbeats, last).pipe(takeUntil(this.#shutdown));
  }
}
