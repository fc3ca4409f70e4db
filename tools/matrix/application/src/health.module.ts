import { Controller, Get, Module } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { Public } from 'nestjs-refresh-auth';
import { RefreshAuthHealthIndicator } from 'nestjs-refresh-auth/terminus';

@Public()
@Controller()
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly sessions: RefreshAuthHealthIndicator,
  ) {}

  @Get('health')
  @HealthCheck()
  check(): unknown {
    return this.health.check([() => this.sessions.isHealthy('sessions')]);
  }
}

@Module({ imports: [TerminusModule], controllers: [HealthController], providers: [RefreshAuthHealthIndicator] })
export class HealthModule {}
