/** Wires the demo tools, which an application does not have. */
import { Module } from '@nestjs/common';
import { SessionsModule } from '../sessions/sessions.module.js';
import { Attacker } from './attack.js';
import { AttackController } from './attack.controller.js';
import { ClockController } from './clock.controller.js';
import { DemoClock } from './demo-clock.js';
import { DemoTools } from './demo-tools.js';
import { ReadingController } from './reading.controller.js';
import { RequestLog } from './request-log.js';
import { RequestsController } from './requests.controller.js';

@Module({
  imports: [SessionsModule],
  controllers: [AttackController, ClockController, ReadingController, RequestsController],
  providers: [Attacker, DemoClock, DemoTools, RequestLog],
  exports: [DemoClock, DemoTools, RequestLog],
})
export class DemoModule {}
