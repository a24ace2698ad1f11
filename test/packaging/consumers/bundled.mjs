import 'reflect-metadata';
import * as common from '@nestjs/common';
import * as core from '@nestjs/core';
import * as eventEmitter from '@nestjs/event-emitter';
import { ExpressAdapter } from '@nestjs/platform-express';
import * as nestTypeorm from '@nestjs/typeorm';
import driver from 'better-sqlite3';
import * as totp from 'nestjs-totp';
import * as testing from 'nestjs-totp/testing';
import enrol from './enrol.cjs';

const adapter = new ExpressAdapter();
enrol({ adapter, driver, common, core, eventEmitter, nestTypeorm, totp, testing }).then(() => console.log('enrolled'));
